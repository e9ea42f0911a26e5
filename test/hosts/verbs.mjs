// What the hosts' programs share: their verbs, and a job that lasts until it is told to end.
//
//     HOST.mjs VERB URL [JSON]
//
//     setup     the host's own migrations, and the queues of the test
//     submit    adds a job; prints its id
//     work      runs jobs: prints `started ID` for each, ends it when standard input ends, prints `finished ID`. It goes
//               on until `count` are done (one), and ends as the host wants its workers to end
//     show      prints the host's own view of a job, null where it knows none

export function say(line) {
	process.stdout.write(`${line}\n`)
}

// Read from the start on, or an end that comes early is never seen.
function untilEnd() {
	return new Promise((ended) => process.stdin.on('end', ended).resume())
}

/// Gives the worker two things: `job`, to be awaited with each job's id, and `done`, a promise for when it may leave.
export function shift(count) {
	const told = untilEnd()
	let left = count
	let leave
	const done = new Promise((resolve) => (leave = resolve))
	async function job(id) {
		say(`started ${id}`)
		await told
	}
	function finished(id) {
		say(`finished ${id}`)
		left -= 1
		if (left === 0) {
			leave()
		}
	}
	return { job, finished, done }
}

export async function run(verbs) {
	const [verb, url, options = '{}'] = process.argv.slice(2)
	if (!Object.hasOwn(verbs, verb)) {
		throw new Error(`unknown verb '${verb}'; allowed: ${Object.keys(verbs).join(', ')}`)
	}
	const answer = await verbs[verb](url, JSON.parse(options))
	if (answer !== undefined) {
		say(JSON.stringify(answer))
	}
}
