import { readdir, readFile } from 'node:fs/promises'

/**
 * The QEMU processes whose machine folder lies in `directory`, by machine name. They are known by the pid file named in their
 * arguments: that is true after a restart of ours as well, and a process that got an old pid by chance is not mistaken for one.
 */
export async function findMachines(directory: string): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const pidFile = await pidFileOf(Number(entry))
    if (!pidFile?.startsWith(`${directory}/`)) continue
    const [name, file, more] = pidFile.slice(directory.length + 1).split('/')
    if (name !== undefined && file === 'qemu.pid' && more === undefined) found.set(name, Number(entry))
  }
  return found
}

/** The process of one machine, by the pid in its file; `undefined` when it does not run. */
export async function findMachine(pidFile: string): Promise<number | undefined> {
  let pid: number
  try {
    pid = Number.parseInt(await readFile(pidFile, 'utf8'), 10)
  } catch {
    return undefined
  }
  return pid > 0 && (await pidFileOf(pid)) === pidFile ? pid : undefined
}

/** What follows `-pidfile` in the arguments of a living QEMU. A zombie has no arguments. */
async function pidFileOf(pid: number): Promise<string | undefined> {
  let args: string[]
  try {
    args = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  } catch {
    return undefined
  }
  // `nsenter` in front of QEMU becomes QEMU; only while it starts do its arguments begin otherwise.
  const at = args[0]?.includes('qemu-system') ? args.indexOf('-pidfile') : -1
  return at < 0 ? undefined : args[at + 1]
}

/** Ends a process the hard way and waits until it is gone, at most five seconds. */
export async function end(pid: number, stillThere: () => Promise<boolean>): Promise<boolean> {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
  return goneWithin(5_000, stillThere)
}

/** Whether something is gone before `ms` have passed. */
export async function goneWithin(ms: number, stillThere: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + ms
  while (await stillThere()) {
    if (performance.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return true
}
