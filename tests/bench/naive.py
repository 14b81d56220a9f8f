"""The page as a first version of such an app has it, for the app as shipped to be compared with.

A connection per request, ORDER BY RAND() for the picture, an UPDATE for the visit and a SELECT for
its number (which can show the same one to two visitors), served by Flask itself, as
`python app.py` does. It is no straw man: it renders the very template of the app, reads URLs and no
pictures, has no more of them than the app, the app's driver, and an index for every WHERE.

PyMySQL's own defaults load all certificates of the machine for each connection, even where the
server has no TLS, and that can cost ten times as much as all the rest. So the naive app connects
without TLS, and only with DB_TLS as the defaults have it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pymysql
from flask import Flask, render_template
from pymysql.cursors import DictCursor

from webapp.app import TEMPLATES
from webapp.dburl import DatabaseUrl
from webapp.library import bundled_pictures
from webapp.pictures import measure

app = Flask(__name__, template_folder=str(TEMPLATES))


@app.get("/")
def index() -> str:
    connection = connect(os.environ)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM images ORDER BY RAND() LIMIT 1")
            image = cursor.fetchone()
            cursor.execute("UPDATE visitors SET count = count + 1 WHERE id = 1")
            connection.commit()
            cursor.execute("SELECT count FROM visitors WHERE id = 1")
            visitor = cursor.fetchone()["count"]
    finally:
        connection.close()
    return render_template("page.html", title="Dog GIF", image=image, visitor=visitor)


def connect(environ: Mapping[str, str]) -> pymysql.Connection[Any]:
    """A new connection, as the variables say."""
    return pymysql.connect(
        host=environ["DB_HOST"],
        port=int(environ["DB_PORT"]),
        user=environ["DB_USER"],
        password=environ["DB_PASSWORD"].encode(),
        database=environ["DB_NAME"],
        cursorclass=DictCursor,
        ssl_disabled=not environ.get("DB_TLS"),
    )


def variables(url: DatabaseUrl) -> dict[str, str]:
    """The settings of the naive app for a database."""
    return {
        "DB_HOST": url.host,
        "DB_PORT": str(url.port),
        "DB_USER": url.user,
        "DB_PASSWORD": url.password.reveal(),
        "DB_NAME": url.name,
    }


def create_tables(url: DatabaseUrl) -> None:
    """What such an app has an init.sql for; the pictures are those of the app."""
    with connect(variables(url)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE images (id INT AUTO_INCREMENT PRIMARY KEY, url VARCHAR(255),"
            " name VARCHAR(255), width INT, height INT)"
        )
        cursor.execute("CREATE TABLE visitors (id INT PRIMARY KEY, count INT)")
        cursor.execute("INSERT INTO visitors VALUES (1, 0)")
        for item in bundled_pictures():
            facts = measure(item.content)
            if item.collection == "dogs":
                cursor.execute(
                    "INSERT INTO images (url, name, width, height) VALUES (%s, %s, %s, %s)",
                    (f"/image/{item.id}", item.name, facts.width, facts.height),
                )
        connection.commit()


if __name__ == "__main__":
    app.run(port=int(os.environ["FLASK_PORT"]))
