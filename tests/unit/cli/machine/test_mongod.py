"""The mongod launcher, on the real thing."""

from pathlib import Path

import pytest
from pymongo import WriteConcern

from cli.machine.errors import MissingPart
from cli.machine.mongod import Mongod, mongod
from testkit.servers.servers import Database


async def test_a_database_is_empty_at_first_and_shows_what_is_written(database: Database) -> None:
    assert await database.counts() == {}
    async with database.client() as client:
        await client[database.name].things.insert_one({"_id": 1})
    assert await database.counts() == {"things": 1}
    assert await database.documents("things") == [{"_id": 1}]


async def test_data_survives_a_kill_and_another_port(tmp_path: Path) -> None:
    async with mongod(tmp_path) as server:
        database = Database(server, "kept")
        async with database.client() as client:
            await client.kept.things.with_options(write_concern=WriteConcern("majority", j=True)).insert_one({"_id": 1})
        await server.kill()
        await server.start()
        assert await database.counts() == {"things": 1}
    async with mongod(tmp_path) as again:
        assert again.port != server.port
        assert await Database(again, "kept").counts() == {"things": 1}


async def test_a_missing_library_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mongod"
    program.write_text(
        "#!/bin/sh\n"
        "echo 'mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file' >&2\n"
        "exit 127\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MissingPart, match=r"^mongod needs libcurl\.so\.4: apt-get install libcurl4$"):
        await Mongod(tmp_path / "data", 15_000).start()
