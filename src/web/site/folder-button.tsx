import { Button, FileButton } from '@mantine/core'

/** A folder with all below it. */
export function FolderButton({ onChange, label, size = 'xs' }: FolderButtonProps) {
  return (
    <FileButton multiple inputProps={{ webkitdirectory: '' } as object} onChange={onChange}>
      {(props) => (
        <Button {...props} size={size} variant="default">
          {label}
        </Button>
      )}
    </FileButton>
  )
}

type FolderButtonProps = { onChange: (files: readonly File[]) => void; label: string; size?: 'xs' | 'sm' }
