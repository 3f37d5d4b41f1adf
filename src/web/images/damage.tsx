import { Link } from '@tanstack/react-router'
import { useGet } from '../api/use.ts'
import { Notice } from '../parts/notice.tsx'
import { count } from '../parts/words.ts'

/** Says what is damaged in the store and which images that concerns. Of one image when it is named; nothing when all is well. */
export function Damage({ image }: { image?: string }) {
  const store = useGet('getChunkStore', {}, { refetchMs: 60_000 })
  const corrupt = (store.data?.corrupt ?? []).filter((chunk) => !image || chunk.images.includes(image))
  const [first] = corrupt
  if (!first) return null
  const images = [...new Set(corrupt.flatMap((chunk) => chunk.images))].toSorted()
  return (
    <Notice
      tone="bad"
      title={`${count(corrupt.length, 'piece')} of stored images ${corrupt.length === 1 ? 'is' : 'are'} damaged`}
    >
      <p>
        {first.detail}. Damaged pieces are never served, so{' '}
        {image
          ? 'versions that need them can neither be written nor downloaded'
          : images.length === 0
            ? 'nothing is lost: no image needs them'
            : 'these images cannot be written or downloaded whole: '}
        {!image &&
          images.map((name, index) => (
            <span key={name}>
              {index > 0 && ', '}
              <Link to="/images/$image" params={{ image: name }}>
                {name}
              </Link>
            </span>
          ))}
        .
      </p>
      <p>Upload the same content again: the damaged pieces are replaced. And look after the server’s disk.</p>
    </Notice>
  )
}
