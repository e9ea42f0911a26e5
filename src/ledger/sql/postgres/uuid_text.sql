gen_random_uuid()
