SELECT seq FROM reclaim.events
WHERE ledger = :ledger AND task = :task AND act = :act
  AND rule IS NOT DISTINCT FROM :rule::text AND token IS NOT DISTINCT FROM :token::text
LIMIT 1
