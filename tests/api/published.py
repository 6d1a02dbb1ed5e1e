"""The schema as clients read it, built once for all tests that go through it."""

import graphql

from api.schema import print_sdl

SCHEMA = graphql.build_schema(print_sdl())
