import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SILENT } from '../kit/log.ts'
import { openStore } from './store.ts'

test('what manifests had is there after a restart, the last word of each', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reveille-manifests-'))
  try {
    const store = await openStore(folder, { log: SILENT })
    expect(await store.manifests.all()).toEqual(new Map())
    await store.manifests.save('site', new Set(['machine a', 'profile b']))
    await store.manifests.save('site', new Set(['machine a']))
    await store.manifests.save('rack', new Set())
    await store.close()
    const again = await openStore(folder, { log: SILENT })
    expect(await again.manifests.all()).toEqual(
      new Map([
        ['site', new Set(['machine a'])],
        ['rack', new Set()],
      ]),
    )
    await again.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})
