/** What the tests themselves are told by variables. Reveille refuses to start with settings that it does not know. */
const OF_TESTS = /^REVEILLE_(SOAK|TEST_\w+|FUZZ_\w+)$/

/** The environment for a program of ours that a test starts. */
export function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_TESTS.test(name)))
}
