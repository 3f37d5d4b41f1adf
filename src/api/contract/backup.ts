import { z } from 'zod'
import { route } from './route.ts'

export const backupRoutes = {
  getBackup: route({
    method: 'GET',
    path: '/api/v1/backup',
    summary:
      'Everything that is needed to come back, as a packed archive (.tar.zst). It holds keys and passwords: keep it as you keep those',
    group: 'settings',
    needs: 'admin',
    query: z.object({ images: z.stringbool().default(true), volumes: z.stringbool().default(true) }),
    response: 'bytes',
    action: 'backup',
  }),
} as const
