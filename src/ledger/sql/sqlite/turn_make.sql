INSERT INTO reclaim_ledgers (name) VALUES (:ledger) ON CONFLICT (name) DO NOTHING
