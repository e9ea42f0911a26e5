// graphile-worker: task `mail`; `queueName` makes jobs run one after another.
import pg from 'pg'
import { Logger, makeWorkerUtils, run as runner } from 'graphile-worker'
import { run, say, shift } from './verbs.mjs'

const silent = new Logger(() => () => {})

async function within(url, use) {
	const utils = await makeWorkerUtils({ connectionString: url, logger: silent })
	try {
		return await use(utils)
	} finally {
		await utils.release()
	}
}

// The host's view is a view: it has no call for looking at a job.
async function look(url, id) {
	const client = new pg.Client(url)
	await client.connect()
	try {
		return (await client.query('SELECT * FROM graphile_worker.jobs WHERE id = $1', [id])).rows[0] ?? null
	} finally {
		await client.end()
	}
}

await run({
	setup: (url) => within(url, (utils) => utils.migrate()),
	submit: (url, { data = {}, ...options }) =>
		within(url, async (utils) => (await utils.addJob('mail', data, options)).id),
	work: async (url, { count = 1 }) => {
		const { job, finished, done } = shift(count)
		const worker = await runner({
			connectionString: url,
			logger: silent,
			noHandleSignals: true,
			pollInterval: 200,
			taskList: { mail: (payload, helpers) => job(helpers.job.id) },
		})
		worker.events.on('job:complete', ({ job: each, error }) => {
			if (error) {
				say(`error ${error.message}`)
			}
			finished(each.id)
		})
		await done
		await worker.stop()
	},
	show: (url, { id }) => look(url, id),
})
