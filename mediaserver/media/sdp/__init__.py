"""Session descriptions: read leniently, written as Kurento would for one audio and one video line."""
