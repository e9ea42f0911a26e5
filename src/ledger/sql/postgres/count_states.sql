SELECT {state}, count(*) FROM {relation} GROUP BY 1
