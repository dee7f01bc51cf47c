"""`python -m axec.cli`."""

from axec.cli.main import main

raise SystemExit(main())
