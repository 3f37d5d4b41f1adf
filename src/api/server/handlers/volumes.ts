import { Refusal } from '../../../kit/errors.ts'
import { roomRoutes } from '../../contract/rooms.ts'
import { volumeRoutes } from '../../contract/volumes.ts'
import type { ApiDependencies } from '../dependencies.ts'

type Ids = keyof typeof volumeRoutes | keyof typeof roomRoutes

/** Volumes and rooms are not served yet. */
export function volumeHandlers(_api: ApiDependencies): Record<Ids, () => never> {
  const refuse = (): never => {
    throw new Refusal('not-available', 'volumes are not served yet')
  }
  const ids = [...Object.keys(volumeRoutes), ...Object.keys(roomRoutes)] as Ids[]
  return Object.fromEntries(ids.map((id) => [id, refuse])) as Record<Ids, () => never>
}
