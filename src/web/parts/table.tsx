import { VisuallyHidden } from '@mantine/core'

/** The heading of a column of buttons: said by screen readers, not shown. */
export function ActionsHead({ word = 'Actions' }: { word?: string }) {
  return (
    <th>
      <VisuallyHidden>{word}</VisuallyHidden>
    </th>
  )
}
