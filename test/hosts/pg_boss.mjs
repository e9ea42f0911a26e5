// pg-boss: queue `mail` with the dead letter queue `dead`. `queue` makes others, `fail` takes a job and fails it.
import { PgBoss } from 'pg-boss'
import { run, say, shift } from './verbs.mjs'

// Without supervision: nobody but us may find that a worker is gone.
async function open(url) {
	const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false })
	boss.on('error', (error) => say(`error ${error.message}`))
	await boss.start()
	return boss
}

async function within(url, use) {
	const boss = await open(url)
	try {
		return await use(boss)
	} finally {
		await boss.stop({ graceful: false })
	}
}

await run({
	setup: (url, options) =>
		within(url, async (boss) => {
			await boss.createQueue('dead')
			await boss.createQueue('mail', { deadLetter: 'dead', ...options })
		}),
	queue: (url, { name, ...options }) => within(url, (boss) => boss.createQueue(name, options)),
	submit: (url, { queue = 'mail', data = {}, ...options }) => within(url, (boss) => boss.send(queue, data, options)),
	fail: (url, { queue, id }) =>
		within(url, async (boss) => {
			await boss.fetch(queue)
			await boss.fail(queue, id)
		}),
	work: async (url, { queue = 'mail', count = 1 }) => {
		const { job, finished, done } = shift(count)
		const boss = await open(url)
		await boss.work(queue, { pollingIntervalSeconds: 0.5 }, async ([each]) => {
			await job(each.id)
			finished(each.id)
		})
		await done
		await boss.stop() // once the last job is written down
	},
	show: (url, { queue = 'mail', id, data }) =>
		within(url, async (boss) => (await boss.findJobs(queue, id ? { id } : { data }))[0] ?? null),
})
