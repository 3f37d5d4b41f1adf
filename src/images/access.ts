import type { Image } from './image.ts'

/** Who asks for an image. Operators and admins may see and change all of them. */
export type Asker = Readonly<{ name: string; role: string }>

const mayAll = ({ role }: Asker) => role === 'operator' || role === 'admin'

/** Whether somebody may see an image, and so use it. */
export function maySee(image: Pick<Image, 'owner' | 'visibility' | 'sharedWith'>, asker: Asker): boolean {
  if (mayAll(asker) || image.owner === asker.name || image.visibility === 'public') return true
  return image.visibility === 'shared' && image.sharedWith.includes(asker.name)
}

/** Whether somebody may change an image, add versions to it or delete them. */
export function mayChange(image: Pick<Image, 'owner'>, asker: Asker): boolean {
  return mayAll(asker) || image.owner === asker.name
}
