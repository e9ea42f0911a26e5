GRANT {rights} ON {relation} TO sweeper
