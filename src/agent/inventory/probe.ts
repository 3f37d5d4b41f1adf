import { execFile } from 'node:child_process'
import type { Read } from '../../protocols/disk/filesystem.ts'

/** How a disk is asked: through processes of their own, because a thread that waits for a dead disk cannot be taken back. */
export type Probe = Readonly<{
  /** Reads of one disk, which together take at most so many seconds; whatever comes later is refused at once. */
  reader(path: string, seconds: number): Read
  /** The answer of smartctl; `undefined` without smartctl or in time. */
  smart(path: string, seconds: number): Promise<string | undefined>
}>

const MOST_OUTPUT = 8 * 1024 * 1024

export const PROBE: Probe = {
  reader(path, seconds) {
    const deadline = Date.now() + seconds * 1000
    return async (offset, length) => {
      if (length === 0) return new Uint8Array()
      const left = deadline - Date.now()
      const flags = 'iflag=skip_bytes,count_bytes,fullblock'
      const bytes = await output('dd', [`if=${path}`, 'bs=65536', flags, `skip=${offset}`, `count=${length}`], left)
      if (bytes.length !== length) throw new Error(`only ${bytes.length} of ${length} bytes at ${offset} could be read`)
      return bytes
    }
  },
  async smart(path, seconds) {
    // The exit status is a set of bits that tell of the disk; the answer counts.
    return output('smartctl', ['-j', '-H', '-A', path], seconds * 1000, true).then(
      (bytes) => Buffer.from(bytes).toString('utf8'),
      () => undefined,
    )
  },
}

/** Does not wait for a process that cannot die: one in an endless read takes its signal when the kernel gives up. */
function output(
  program: string,
  args: readonly string[],
  milliseconds: number,
  anyStatus = false,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error('it does not answer in time: look at its cable, power and health'))
    if (milliseconds <= 0) return late()
    const child = execFile(program, args, { encoding: 'buffer', maxBuffer: MOST_OUTPUT }, (error, stdout, stderr) => {
      clearTimeout(timer)
      if (error && !(anyStatus && typeof error.code === 'number')) reject(new Error(reason(program, error, stderr)))
      else resolve(new Uint8Array(stdout))
    })
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      child.stdout?.destroy()
      child.unref()
      late()
    }, milliseconds)
  })
}

function reason(program: string, error: Error & { code?: unknown }, stderr: Buffer): string {
  if (error.code === 'ENOENT') return `${program} is missing`
  const lines = stderr.toString('utf8').split('\n')
  return (lines.find((line) => line.startsWith(`${program}:`)) ?? error.message).slice(0, 400)
}
