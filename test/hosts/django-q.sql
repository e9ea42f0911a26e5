-- The rescue by hand: what a profile has to say for tasks that were taken four hours ago. `lock` is when a task was taken;
-- what waits has one that is older than the cluster's `retry` (a day in the test).
UPDATE django_q_ormq SET lock = lock - interval '1 day'
WHERE lock > now() - interval '1 day' AND lock < now() - interval '4 hours';
