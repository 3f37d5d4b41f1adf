import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * The files that take longer than half a minute, the longest first: what is left alone at the end of a run shall be short. Else a fresh clone, which remembers
 * no durations, would begin with the largest files.
 */
export const LONGEST = [
  'test/e2e/deployments.test.ts',
  'test/e2e/diskless-room.test.ts',
  'test/interop/server-vm.test.ts',
  'test/e2e/flash-errors.test.ts',
  'test/e2e/flash-faults.test.ts',
  'test/e2e/secure-boot.test.ts',
  'test/interop/deb.test.ts',
  'test/e2e/diskless.test.ts',
  'test/e2e/finishes.test.ts',
  'test/e2e/installer.test.ts',
  'test/e2e/kill.test.ts',
  'test/e2e/diskless-faults.test.ts',
  'test/e2e/config-install.test.ts',
  'test/e2e/choices.test.ts',
  'test/e2e/agent-tasks.test.ts',
  'test/e2e/management.test.ts',
  'test/e2e/lab.test.ts',
  'test/e2e/secure-boot-proxy.test.ts',
  'test/e2e/server.test.ts',
  'test/e2e/bmc.test.ts',
  'test/e2e/configs.test.ts',
  'test/e2e/image-build.test.ts',
]

/** These in their order, then all others as they came. */
export function longestFirst<File>(files: readonly File[], pathOf: (file: File) => string): File[] {
  const place = (file: File) => {
    const at = LONGEST.indexOf(pathOf(file))
    return at < 0 ? LONGEST.length : at
  }
  return [...files].sort((a, b) => place(a) - place(b))
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return longestFirst(await super.sort(files), ({ moduleId }) => relative(this.ctx.config.root, moduleId))
  }
}
