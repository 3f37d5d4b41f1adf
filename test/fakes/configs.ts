import { Configs, type Draft } from '../../src/configs/configs.ts'
import { liquid } from '../../src/configs/drivers/liquid.ts'
import { readYaml, writeYaml } from '../../src/configs/drivers/yaml.ts'
import { SAMPLE_MACHINE, SAMPLE_NETWORK } from '../../src/configs/facts.ts'
import type { ConfigUsers } from '../../src/configs/users.ts'
import { valueOfTree } from '../../src/configs/write-values.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import type { Machine } from '../../src/machines/machine.ts'
import type { MemoryConfigs } from './config-rows.ts'

export const WEB1: Machine = { ...SAMPLE_MACHINE, id: 'm_1', name: 'web1', hostname: null, tags: ['rack-a'] }

/** Configs of a site with one machine, whose Butane passes through and whose secrets are sealed by being written behind their place. */
export function openConfigs(repository: MemoryConfigs, users: () => ConfigUsers): Promise<Configs> {
  return Configs.open({
    repository,
    languages: {
      template: liquid,
      readYaml,
      writeYaml,
      butane: (document, { file }) => {
        const value = valueOfTree(document) as { variant?: string; local?: string }
        const problem = {
          severity: 'error',
          path: '$.variant',
          at: document.at,
          message: 'no variant',
          hint: '',
        } as const
        if (value.variant === undefined) return { ignition: null, problems: [problem] }
        const included = value.local === undefined ? undefined : new TextDecoder().decode(file(value.local))
        return { ignition: { ...value, included }, problems: [] }
      },
      ignition: () => [],
    },
    sealer: { seal: (context, text) => `${context}|${text}`, open: (_, sealed) => sealed.split('|')[1] ?? '' },
    clock: new ManualClock(1000),
    events: { publish: () => undefined },
    machine: (reference) => (reference === 'web1' || reference === 'm_1' ? WEB1 : undefined),
    place: () => ({ network: SAMPLE_NETWORK, address: '192.0.2.10' }),
    server: () => 'http://10.0.0.1:8080',
    users,
  })
}

/** What a config is made from, with one part. */
export const draft = (kind: Draft['kind'], content: string, more: Partial<Draft> = {}): Draft => {
  return {
    kind,
    parts: [{ name: kind === 'cloud-init' ? 'user-data' : 'main', content }],
    variables: [],
    note: '',
    ...more,
  }
}
