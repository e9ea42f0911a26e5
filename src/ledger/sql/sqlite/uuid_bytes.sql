randomblob(16)
