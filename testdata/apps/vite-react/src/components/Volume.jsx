import { useState } from 'react'
import knob from '../assets/knob.png'

const LOUDEST = 11

export default function Volume() {
  const [level, setLevel] = useState(3)
  return (
    <p>
      <button type="button" onClick={() => setLevel(Math.min(level + 1, LOUDEST))}>
        <img src={knob} alt="Louder" />
      </button>
      Volume: {level}
    </p>
  )
}
