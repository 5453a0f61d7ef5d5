import Link from 'next/link'
import './globals.css'

export const metadata = {
  title: 'next-static',
  description: 'A static export that preamp builds in its tests.',
}

export default function RootLayout({ children }) {
  return (
    <html lang="en">
      <body>
        <nav>
          <Link href="/">Home</Link> <Link href="/about">About</Link>
        </nav>
        {children}
      </body>
    </html>
  )
}
