"""What starting the program costs: the median of many runs, and the most memory that one of them had."""
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 100


def median_ms(command, environment):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def main():
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, RECLAIM_DB=f"sqlite:{folder}/bench.db")
        subprocess.run([program, "submit"], env=environment, stdout=subprocess.DEVNULL, check=True)
        for words in (["--version"], ["status"], ["sweep"]):
            print(f"{'start to end: reclaim ' + ' '.join(words):<58} {median_ms([program, *words], environment):12.1f} ms")
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"{'most memory of one of these':<58} {most / 1024:12.1f} MiB")


main()
