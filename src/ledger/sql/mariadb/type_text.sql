varchar(255)
