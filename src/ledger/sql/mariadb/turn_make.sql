INSERT INTO reclaim_ledgers (name) VALUES (:ledger) ON DUPLICATE KEY UPDATE name = reclaim_ledgers.name
