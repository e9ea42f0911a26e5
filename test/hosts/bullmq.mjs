// BullMQ with PostgreSQL behind it: queue `mail`. `schedule` makes a scheduler, and gives its first job.
import { createPostgresBackend, Queue, setDefaultBackendFactory, Worker } from 'bullmq'
import { run, say, shift } from './verbs.mjs'

setDefaultBackendFactory(createPostgresBackend)

async function within(url, use, migrate = false) {
	const queue = new Queue('mail', { connection: { connectionString: url, migrate } })
	try {
		await queue.waitUntilReady()
		return await use(queue)
	} finally {
		await queue.close()
	}
}

await run({
	setup: (url) => within(url, () => undefined, true),
	submit: (url, { data = {}, ...options }) =>
		within(url, async (queue) => (await queue.add('mail', data, options)).id),
	schedule: (url) =>
		within(url, async (queue) => (await queue.upsertJobScheduler('daily', { every: 86400000 })).id),
	// It looks for stalled jobs of its own only after an hour: nobody but us may find that a worker is gone.
	work: async (url, { count = 1, ...options }) => {
		const { job, finished, done } = shift(count)
		const worker = new Worker('mail', (each) => job(each.id), {
			connection: { connectionString: url },
			stalledInterval: 3600000,
			...options,
		})
		worker.on('error', (error) => say(`error ${error.message}`))
		worker.on('completed', (each) => finished(each.id))
		worker.on('failed', (each) => {
			say(`failed ${each.id}`)
			finished(each.id)
		})
		await done
		await worker.close()
	},
	show: (url, { id }) =>
		within(url, async (queue) => {
			const job = await queue.getJob(id)
			return job ? { ...job.asJSON(), ...job.toJSON(), state: await job.getState() } : null
		}),
})
