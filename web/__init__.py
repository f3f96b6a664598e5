"""Browser files of Callplane, served as they are but for the comments of scripts: there is no build step.

How URLs map to files below `ROOT`:
`/` is `page/index.html`, `/page/*` is `page/*`, `/sdk/*` is `sdk/*`.
The modules import each other by relative URLs, so a proxy may serve all three below any prefix.
"""

from pathlib import Path

ROOT = Path(__file__).parent
