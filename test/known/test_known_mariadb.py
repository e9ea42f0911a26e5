"""The known ledgers on one engine; see play.py."""

import play

Known = play.tests_on(play.Mariadb)
