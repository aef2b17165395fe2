"""One generation: a request finds a runner, waits for a slot and is answered."""

import time

from ollama_sim.errors import STOPPED, TOO_LONG, ApiError, RunnerCrashedError
from ollama_sim.exchange import Exchange
from ollama_sim.faults import INSTEAD
from ollama_sim.go_json import dumps
from ollama_sim.run import BrokenOffError, Job, Run
from ollama_sim.simulator import Simulator


async def generate(sim: Simulator, exchange: Exchange, job: Job) -> None:
    """Answer a request by generated text."""
    try:
        await _on_a_runner(sim, exchange, job)
    except BrokenOffError:
        return
    except ApiError as error:
        if exchange.started:
            exchange.finish(job.lines.error(error.text))
        elif job.stream and not isinstance(error, RunnerCrashedError):
            raise _as_stream(error) from error
        else:
            raise


def _as_stream(error: ApiError) -> ApiError:
    """Return an error as it is told where a stream was due."""
    if error.status in (503, 404):  # told before Ollama thinks of a stream
        return error
    return ApiError(error.status, error.text, charset=False, chunked=True)


async def _on_a_runner(sim: Simulator, exchange: Exchange, job: Job) -> None:
    started = time.perf_counter_ns()
    if job.fault is not None and job.fault.mode in INSTEAD:
        raise job.fault.error()
    runner = await sim.scheduler.lease(
        job.model, job.needs, keep_alive=job.keep_alive, fault=job.fault
    )
    try:
        loaded = time.perf_counter_ns()
        _check(job)
        await runner.take_slot()
        try:
            if runner.dead:  # it went while this request waited for the slot
                raise RunnerCrashedError(STOPPED)
            run = Run(sim, exchange, job, runner, (started, loaded))
            await run.counted()
        finally:
            runner.free_slot()
    finally:
        sim.scheduler.give_back(runner)


def _check(job: Job) -> None:
    """Complain about what Ollama notices only once the model is loaded."""
    wanted = job.ask.output_format
    if wanted and wanted != "json" and not isinstance(wanted, dict):
        raw = dumps(wanted).decode().replace('"', '\\"')
        text = f'invalid format: "{raw}"; expected "json" or a valid JSON Schema object'
        raise ApiError(500, text)
    if not job.truncate and job.prompt_tokens > job.needs.num_ctx:
        raise ApiError(400, TOO_LONG)
