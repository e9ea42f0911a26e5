<?php
// Laravel's database queue, without the rest of Laravel. The verbs are those of verbs.mjs; `failed` shows what has failed,
// `retry` does to one of them what queue:retry does.
require_once 'Illuminate/Database/autoload.php';
require_once 'Illuminate/Events/autoload.php';
require_once 'Illuminate/Queue/autoload.php';

use Illuminate\Container\Container;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Database\Capsule\Manager as Database;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Events\Dispatcher;
use Illuminate\Queue\Capsule\Manager as Queue;
use Illuminate\Queue\Events\JobFailed;
use Illuminate\Queue\Events\JobProcessed;
use Illuminate\Queue\Failed\DatabaseUuidFailedJobProvider;
use Illuminate\Queue\Queue as Payload;
use Illuminate\Queue\Worker;
use Illuminate\Queue\WorkerOptions;

// A job that lasts until standard input ends.
class Letter
{
	public function fire($job, array $data): void
	{
		echo "started {$job->getJobId()}\n";
		stream_get_contents(STDIN);
		$job->delete();
		echo "finished {$job->getJobId()}\n";
	}
}

class Told implements ExceptionHandler
{
	public function report(Throwable $e)
	{
		echo 'error ', $e->getMessage(), "\n";
	}

	public function shouldReport(Throwable $e)
	{
		return true;
	}

	public function render($request, Throwable $e)
	{
	}

	public function renderForConsole($output, Throwable $e)
	{
	}
}

// What the stubs that its own commands copy into an application have.
function migrate($schema): void
{
	foreach (['jobs', 'failed_jobs'] as $name) {
		$stub = file_get_contents("Illuminate/Queue/Console/stubs/$name.stub", /* use_include_path: */ true);
		preg_match('/function \(Blueprint \$table\) \{(.*?)\n        \}\)/s', $stub, $found);
		$schema->create($name, function (Blueprint $table) use ($found) {
			eval($found[1]);
		});
	}
}

[, $verb, $url] = $argv;
$options = json_decode($argv[3] ?? '{}', true);
$at = parse_url($url);

$container = new Container();
$events = new Dispatcher($container);
$container->instance('events', $events);
$container->instance(Illuminate\Contracts\Events\Dispatcher::class, $events);
$database = new Database($container);
$database->addConnection([
	'driver' => 'pgsql', 'host' => $at['host'], 'port' => $at['port'], 'database' => ltrim($at['path'], '/'),
	'username' => $at['user'], 'charset' => 'utf8',
]);
$container->instance('db', $database->getDatabaseManager());
// Its own worker takes again what was reserved a day ago: nobody but us is quicker.
$queue = new Queue($container);
$queue->addConnection(['driver' => 'database', 'table' => 'jobs', 'queue' => 'default', 'retry_after' => 86400]);

$failed = new DatabaseUuidFailedJobProvider($database->getDatabaseManager(), 'default', 'failed_jobs');

switch ($verb) {
	case 'setup':
		migrate($database->getConnection()->getSchemaBuilder());
		break;
	case 'submit':
		Payload::createPayloadUsing(fn () => $options['payload'] ?? []);
		echo json_encode($queue->getConnection()->push(Letter::class, $options)), "\n";
		break;
	case 'failed':
		$letters = array_map(fn ($one) => ['data' => json_decode($one->payload, true)['data']] + (array) $one, $failed->all());
		echo json_encode($letters), "\n";
		break;
	case 'retry':
		$letter = $failed->find($options['id']);
		echo json_encode($queue->getConnection()->pushRaw($letter->payload, $letter->queue)), "\n";
		$failed->forget($options['id']);
		break;
	case 'show':
		echo json_encode($database->getConnection()->table('jobs')->find($options['id'])), "\n";
		break;
	case 'work':
		$worker = new Worker($queue->getQueueManager(), $events, new Told(), fn () => false);
		$left = $options['count'] ?? 1;
		$events->listen(JobProcessed::class, function () use (&$left) {
			$left -= 1;
		});
		$events->listen(JobFailed::class, function ($event) use (&$left) {
			echo "failed {$event->job->getJobId()}\n";
			$left -= 1;
		});
		while ($left > 0) {
			$worker->runNextJob('default', 'default', new WorkerOptions(sleep: 0.2, maxTries: $options['tries'] ?? 3));
		}
		break;
	default:
		fwrite(STDERR, "unknown verb '$verb'; allowed: setup, submit, work, show, failed, retry\n");
		exit(2);
}
