SELECT {state}, count(*) FROM {relation} AS r GROUP BY 1
