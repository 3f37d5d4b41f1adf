import { writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { runProgram } from '../program.ts'
import type { Around, TaskOf, TaskRunner } from '../task.ts'
import { loadInstalledKernel } from './kexec.ts'

/** A disk that is dead may hold up `sync` for ever. */
const SYNC_SECONDS = 120
const LEAVE_SECONDS = 20

/**
 * Ends the work of the management OS: everything is on the disks, the server knows, and then the machine leaves. A kernel that cannot be
 * started directly is reached by a restart instead.
 */
export const runFinish: TaskRunner<TaskOf<'finish'>> = async ({ how }, { progress, log }) => {
  progress({ phase: 'bringing everything to the disks' })
  await runProgram('sync', [], { seconds: SYNC_SECONDS }).catch((error) =>
    log('warn', `${error.message}; leaving anyway`),
  )
  let way = how
  if (how === 'kexec') {
    progress({ phase: 'loading the installed kernel' })
    const loaded = await loadInstalledKernel().catch((error: unknown) =>
      String(error instanceof Error ? error.message : error),
    )
    if (loaded !== true) {
      log('warn', `the installed kernel cannot be started directly: ${loaded}. The machine restarts instead`)
      way = 'reboot'
    }
  }
  const summaries = {
    reboot: 'The machine restarts',
    'power-off': 'The machine switches itself off',
    kexec: 'The installed kernel starts',
  }
  return { summary: summaries[way], clean: true, detail: { how: way }, afterwards: () => leave(way, log) }
}

/** Never comes back, if the machine does what it is told; each way that fails is followed by a ruder one. */
async function leave(how: 'reboot' | 'power-off' | 'kexec', log: Around['log']): Promise<void> {
  const off = how === 'power-off'
  const ways: (() => Promise<unknown>)[] = [
    () => runProgram(off ? 'poweroff' : 'reboot', ['-f'], { seconds: LEAVE_SECONDS }),
    () => writeFile('/proc/sysrq-trigger', off ? 'o' : 'b'),
  ]
  if (how === 'kexec') ways.unshift(() => runProgram('kexec', ['-e'], { seconds: LEAVE_SECONDS }))
  for (const way of ways) {
    await way().catch((error) =>
      log('warn', `the machine did not leave: ${error instanceof Error ? error.message : error}`),
    )
    await pause(LEAVE_SECONDS * 1000)
  }
}
