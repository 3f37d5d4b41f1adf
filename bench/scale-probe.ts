import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Session } from 'node:inspector/promises'
import { isMainThread } from 'node:worker_threads'

/**
 * Runs inside the measured server (`--import`): how long its event loop stood still, and how much of that the processor worked for it.
 * Answers on the Unix socket `BENCH_PROBE`: `/take` with what was since the last `/take`, `/profile` (POST starts, DELETE ends
 * and writes the file that `x-path` names).
 */
const TURN_MS = 2
const socket = process.env.BENCH_PROBE

if (socket !== undefined && isMainThread && process.argv.includes('serve')) {
  let [wall, cpu, usage] = [performance.now(), process.threadCpuUsage(), process.cpuUsage()]
  let [longestMs, busiestMs] = [0, 0]
  setInterval(() => {
    const now = performance.now()
    const used = process.threadCpuUsage(cpu)
    longestMs = Math.max(longestMs, now - wall - TURN_MS)
    busiestMs = Math.max(busiestMs, (used.user + used.system) / 1000)
    wall = now
    cpu = process.threadCpuUsage()
  }, TURN_MS).unref()

  const profiler = new Session()
  createServer(async (request, response) => {
    if (request.url === '/take') {
      const used = process.cpuUsage(usage)
      const memory = process.memoryUsage()
      response.end(
        JSON.stringify({
          longestMs,
          busiestMs,
          cpuMs: (used.user + used.system) / 1000,
          residentMiB: memory.rss / 2 ** 20,
          heapMiB: memory.heapUsed / 2 ** 20,
        }),
      )
      usage = process.cpuUsage()
      longestMs = 0
      busiestMs = 0
    } else if (request.method === 'POST') {
      profiler.connect()
      await profiler.post('Profiler.enable')
      await profiler.post('Profiler.setSamplingInterval', { interval: 500 })
      await profiler.post('Profiler.start')
      response.end()
    } else {
      const { profile } = await profiler.post('Profiler.stop')
      profiler.disconnect()
      writeFileSync(String(request.headers['x-path']), JSON.stringify(profile))
      response.end()
    }
  })
    .listen(socket)
    .unref()
}
