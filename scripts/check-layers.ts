import { execFileSync } from 'node:child_process'

/**
 * Runs dependency-cruiser and fails too when it saw suspiciously few modules: with a TypeScript it cannot load it
 * reports "no violations" over nothing at all.
 */
const LEAST_MODULES = 60

const out = execFileSync(
  'node_modules/.bin/depcruise',
  ['src', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'],
  {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  },
)
type Violation = { rule: { name: string; severity: string }; from: string; to: string }
const { summary } = JSON.parse(out) as { summary: { violations: Violation[]; totalCruised: number } }
for (const v of summary.violations) console.error(`${v.rule.severity} ${v.rule.name}: ${v.from} -> ${v.to}`)
if (summary.totalCruised < LEAST_MODULES) {
  console.error(`dependency-cruiser saw only ${summary.totalCruised} modules, at least ${LEAST_MODULES} were expected`)
  process.exit(1)
}
if (summary.violations.length > 0) process.exit(1)
console.log(`${summary.totalCruised} modules, no violations`)
