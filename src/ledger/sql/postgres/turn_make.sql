INSERT INTO reclaim.ledgers (name) VALUES (:ledger) ON CONFLICT (name) DO NOTHING
