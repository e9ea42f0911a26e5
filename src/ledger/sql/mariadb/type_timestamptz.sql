datetime(6) NULL
