import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/run/longest-first.ts'
import { SecondTries } from './test/run/second-tries.ts'

/** As test/run/patient.ts: what is waited for may take its time on a busy computer. */
const PATIENT = { expect: { poll: { timeout: 60_000 } }, setupFiles: ['test/run/patient.ts'] }

/**
 * Three projects, so that `make check` can run the unit tests alone: they need no root, no network and no Debian package.
 * `system` holds what needs namespaces, QEMU or other real programs; three of its files run at once,
 * which keeps two cores busy: a machine that boots needs one of them most of the time, and what talks to real clients waits for them.
 */
export default defineConfig({
  test: {
    reporters: ['default', new SecondTries()],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'test/conformance/**/*.test.ts',
            'test/docs/**/*.test.ts',
            'test/run/**/*.test.ts',
          ],
          // Only against standing still: on a busy computer anything may take long.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          ...PATIENT,
        },
      },
      {
        test: {
          name: 'fuzz',
          include: ['test/fuzz/**/*.test.ts'],
          // A million inputs take their time.
          testTimeout: process.env.REVEILLE_SOAK ? 7_200_000 : 600_000,
        },
      },
      {
        test: {
          name: 'system',
          include: ['test/interop/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          ...PATIENT,
          // The long tests measure their patience by less.
          maxWorkers: process.env.REVEILLE_SOAK ? 2 : 3,
          // Programs of others may fail by themselves (firmware, clients, measurements of the computer), and one of hundreds of tests should not
          // cost a whole run. What passes only the second time is printed at the end, and is to be mended. Tests of our own code alone
          // have no such excuse: `unit` and `fuzz` are tried once.
          retry: process.env.REVEILLE_SOAK ? 0 : 1,
        },
      },
    ],
  },
})
