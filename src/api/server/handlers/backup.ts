import { constants, createZstdCompress } from 'node:zlib'
import { Refusal } from '../../../kit/errors.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { startedStream } from '../download.ts'

export function backupHandlers({ backup, clock, log }: ApiDependencies) {
  return {
    async getBackup({ query, request, reply, about }) {
      if (!backup) throw new Refusal('not-available', 'this server makes no backups')
      const parts = ['database and keys', ...(query.images ? ['images'] : []), ...(query.volumes ? ['volumes'] : [])]
      about('backup', parts.join(', '))
      const name = `reveille-${new Date(clock.now()).toISOString().slice(0, 10)}.tar.zst`
      reply.type('application/zstd').header('cache-control', 'no-store')
      reply.header('content-disposition', `attachment; filename="${name}"`)
      if (request.method === 'HEAD') return void (await reply.send(''))
      const { content, release } = await backup(query)
      const raw = await startedStream(content, () => {
        release().catch((error) => log.warn({ error }, 'copies of the databases stay until the next backup'))
      })
      const packer = createZstdCompress({
        chunkSize: 262_144,
        params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
      })
      raw.once('error', (error) => packer.destroy(error))
      packer.once('close', () => raw.destroy())
      await reply.send(raw.pipe(packer))
    },
  } satisfies HandlersOf<'getBackup'>
}
