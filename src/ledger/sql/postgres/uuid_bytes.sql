uuid_send(gen_random_uuid())
