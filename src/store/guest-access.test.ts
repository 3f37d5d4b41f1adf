import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SILENT } from '../kit/log.ts'
import { openStore } from './store.ts'

test('access to running systems is kept, replaced and removed, one for each machine', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rv-guest-access-'))
  const open = () => openStore(join(dir, 'data'), { log: SILENT })
  const first = { machine: 'm_1', user: 'root', port: 22, hostKey: null, sealed: '1.abc' }
  const second = { ...first, machine: 'm_2', hostKey: `SHA256:${'a'.repeat(43)}` }
  try {
    let store = await open()
    await store.guests.save(first)
    await store.guests.save(second)
    await store.guests.save({ ...first, port: 2222, user: 'admin', sealed: '1.def' })
    await store.close()
    store = await open()
    const kept = [...(await store.guests.all())].sort((a, b) => (a.machine < b.machine ? -1 : 1))
    expect(kept).toEqual([{ ...first, port: 2222, user: 'admin', sealed: '1.def' }, second])
    await store.guests.remove('m_1')
    await store.guests.remove('m_1')
    expect(await store.guests.all()).toEqual([second])
    await store.close()
  } finally {
    rmSync(dir, { recursive: true })
  }
})
