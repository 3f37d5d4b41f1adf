import { DiskChecks } from './check-disks.ts'
import { checkNodes } from './check-nodes.ts'
import { SourceChecks } from './check-sources.ts'
import { checkUnits } from './check-units.ts'
import { checkUsers } from './check-users.ts'
import { doubles, doubleTexts } from './doubles.ts'
import type { Findings } from './findings.ts'
import type { Edition } from './schema.ts'
import { numberOf, type Struct, structOf, structsOf, textsOf } from './values.ts'

/** What Ignition itself finds wrong with a config before it does anything, and what is known not to work. */
export function checkConfig(config: Struct, edition: Edition, findings: Findings): void {
  const sources = new SourceChecks(findings, edition.ignition)
  const ignition = structOf(config, 'ignition')
  const references = structOf(ignition, 'config')
  for (const each of structsOf(references, 'merge')) sources.resource(each, 'required')
  sources.resource(structOf(references, 'replace'), 'optional')
  const authorities = structsOf(structOf(structOf(ignition, 'security'), 'tls'), 'certificateAuthorities')
  for (const each of authorities) sources.resource(each, 'required')
  doubles(authorities, 'source', findings)
  const timeouts = structOf(ignition, 'timeouts')
  for (const name of ['httpResponseHeaders', 'httpTotal'])
    if ((numberOf(timeouts, name) ?? 0) < 0) findings.error(findings.where(timeouts!, name), 'a time is not negative')
  const proxy = structOf(ignition, 'proxy')
  for (const name of ['httpProxy', 'httpsProxy']) if (proxy) sources.proxy(proxy, name)

  const storage = structOf(config, 'storage')
  new DiskChecks(edition, findings, sources).check(storage)
  checkNodes(storage, sources, edition.ignition, findings)
  checkUnits(structOf(config, 'systemd'), findings)
  checkUsers(structOf(config, 'passwd'), findings)

  const kernel = structOf(config, 'kernelArguments')
  const wanted = textsOf(kernel, 'shouldExist')
  const isWanted = new Set(wanted)
  const unwanted = textsOf(kernel, 'shouldNotExist')
  doubleTexts(wanted, findings)
  doubleTexts(unwanted, findings)
  unwanted.forEach((each, index) => {
    if (isWanted.has(each))
      findings.error(
        findings.where(unwanted, String(index)),
        'this argument is among those that should exist',
        'keep one',
      )
  })
}
