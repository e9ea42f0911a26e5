(ctid = split_part({value}, ' ', 2)::tid AND xmin = split_part({value}, ' ', 3)::xid
   AND tableoid = split_part({value}, ' ', 1)::oid)
