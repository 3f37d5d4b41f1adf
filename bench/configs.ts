import { LANGUAGES } from '../src/compose/configs.ts'
import type { ConfigKind } from '../src/configs/config.ts'
import { factsOf, previewFacts, SAMPLE_MACHINE, SAMPLE_NETWORK } from '../src/configs/facts.ts'
import { renderConfig } from '../src/configs/rendering.ts'

/** Configs of 10,000 machines, one after the other, as a check of a new version renders them: how many in a second, in how much memory. */
const MACHINES = Number(process.argv[2] ?? 10_000)
const BOOT = previewFacts('http://192.0.2.1:8080')

const files = Array.from(
  { length: 20 },
  (_, n) =>
    `    - path: /etc/app/${n}.conf\n      mode: 0644\n      contents:\n        inline: "{{ machine.hostname }} ${n} {{ network.router }}"\n`,
)
const butane = `variant: flatcar\nversion: 1.1.0\nstorage:\n  files:\n${files.join('')}`
const cloudInit = `#cloud-config\nhostname: {{ machine.hostname }}\nwrite_files:\n${files
  .join('')
  .replaceAll('      mode: 0644\n      contents:\n        inline:', '      content:')}`

for (const [kind, content] of [
  ['cloud-init', cloudInit],
  ['butane', butane],
  ['shell', `#!/bin/sh\n${'echo {{ machine.hostname }} "{{ network.router }}"\n'.repeat(20)}`],
] as readonly [ConfigKind, string][]) {
  const start = performance.now()
  let peak = 0
  let bytes = 0
  for (let n = 0; n < MACHINES; n++) {
    const machine = { ...SAMPLE_MACHINE, id: `m_${n}`, name: `node-${n}`, hostname: `node-${n}` }
    const scope = () => ({ scope: factsOf(machine, SAMPLE_NETWORK, machine.ip, BOOT), usedSecret: () => false })
    const parts = [{ name: kind === 'cloud-init' ? 'user-data' : 'main', content }]
    const rendered = renderConfig(
      { config: 'bench', version: 1, kind, parts, scope, snippets: new Map(), packs: true },
      LANGUAGES,
    )
    if (rendered.problems.length > 0) throw new Error(JSON.stringify(rendered.problems[0]))
    bytes += rendered.parts.reduce((sum, part) => sum + part.content.length, 0)
    if (n % 500 === 0) peak = Math.max(peak, process.memoryUsage().rss)
  }
  const seconds = (performance.now() - start) / 1000
  console.log(
    `${kind}: ${MACHINES} machines in ${seconds.toFixed(1)} s, ${Math.round(MACHINES / seconds)}/s, ${Math.round(bytes / MACHINES)} bytes each, peak ${Math.round(peak / 2 ** 20)} MiB`,
  )
}
