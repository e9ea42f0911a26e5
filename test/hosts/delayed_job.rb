# Delayed::Job with Active Record. The verbs are those of verbs.mjs.
require 'json'
require 'erb'
require 'active_record'
require 'delayed_job_active_record'

$stdout.sync = true
ActiveRecord::Migration.verbose = false
Delayed::Worker.logger = nil
Delayed::Worker.sleep_delay = 0.2
Delayed::Worker.raise_signal_exceptions = :term

# A job that lasts until standard input ends.
Letter = Struct.new(:to) do
  def before(job)
    puts "started #{job.id}"
  end

  def perform
    $stdin.read
  end

  def after(job)
    puts "finished #{job.id}"
  end
end

def migrate
  folder = Gem.loaded_specs['delayed_job_active_record'].full_gem_path
  migration_version = "[#{ActiveRecord::Migration.current_version}]"
  template = File.read("#{folder}/lib/generators/delayed_job/templates/migration.rb")
  eval(ERB.new(template).result(binding)) # rubocop:disable Security/Eval
  CreateDelayedJobs.migrate(:up)
end

verb, url, options = ARGV
options = JSON.parse(options || '{}')
ActiveRecord::Base.establish_connection(url.sub('postgres:', 'postgresql:'))
ActiveRecord::Base.default_timezone = :utc

case verb
when 'setup' then migrate
when 'submit' then puts Delayed::Job.enqueue(Letter.new(options['to'])).id.to_json
when 'show' then puts Delayed::Job.find_by(id: options['id']).to_json
when 'work'
  Delayed::Worker.max_attempts = options['attempts'] if options['attempts']
  Delayed::Worker.destroy_failed_jobs = false
  worker = Delayed::Worker.new
  worker.name_prefix = 'test '
  left = options['count'] || 1
  left -= worker.work_off(1).sum while left.positive?
else abort "unknown verb '#{verb}'; allowed: setup, submit, work, show"
end
