"""Every picture there is, by collection."""

from webapp.artwork import deep_sky, stars
from webapp.artwork import dogs_moving as moving
from webapp.artwork import dogs_resting as resting
from webapp.artwork import dogs_sitting as sitting
from webapp.artwork.film import Picture

DOGS = (
    Picture("wagging-corgi", sitting.wagging_corgi, "#c5e8f0", frames=20, fps=16),
    Picture("panting-retriever", sitting.panting_retriever, "#a6deea", frames=18, fps=13),
    Picture("head-tilting-husky", sitting.head_tilting_husky, "#cfe1f5", frames=30, fps=13),
    Picture("umbrella-poodle", sitting.umbrella_poodle, "#96a9bf", frames=20, fps=13),
    Picture("birthday-shiba", sitting.birthday_shiba, "#fff0da", frames=16, fps=12),
    Picture("puppy-in-a-box", sitting.puppy_in_a_box, "#e2f0ee", frames=40),
    Picture("running-greyhound", moving.running_greyhound, "#c9ecf2", frames=16, fps=16),
    Picture("ball-catching-labrador", moving.ball_catching_labrador, "#bfe4f2", frames=30, fps=15),
    Picture("digging-terrier", moving.digging_terrier, "#c8eaf0", frames=30, fps=16),
    Picture("stretching-dachshund", moving.stretching_dachshund, "#f6d3b0", frames=36, fps=15),
    Picture("skating-bulldog", moving.skating_bulldog, "#ffd9b8", frames=16, fps=14),
    Picture("sleeping-beagle", resting.sleeping_beagle, "#4b4070", frames=40, fps=14),
    Picture("rolling-dalmatian", resting.rolling_dalmatian, "#8ecb78", frames=13, fps=12),
    Picture("howling-shepherd", resting.howling_shepherd, "#1c2b58", frames=40),
)
STARS = (
    Picture("twinkling-star", stars.twinkling_star, "#171a45", frames=26, fps=14),
    Picture("shooting-star", stars.shooting_star, "#1d2a5e", frames=40),
    Picture("smiling-star", stars.smiling_star, "#2b2566", frames=20, fps=13),
    Picture("starry-hills", stars.starry_hills, "#16204a", frames=36, fps=14),
    Picture("fishing-for-stars", stars.fishing_for_stars, "#232a63", frames=32, fps=14),
    Picture(
        "great-dog-constellation", deep_sky.great_dog_constellation, "#12204a", frames=46, fps=14
    ),
    Picture("spiral-galaxy", deep_sky.spiral_galaxy, "#0f1030", frames=18, fps=12),
    Picture("pulsar", deep_sky.pulsar, "#0d1230", frames=20, fps=13),
    Picture("binary-stars", deep_sky.binary_stars, "#1b1033", frames=24, fps=13),
    Picture("supernova", deep_sky.supernova, "#160f33", frames=17, fps=13),
    Picture("nebula", deep_sky.nebula, "#140f2e", frames=1),
)
COLLECTIONS = {"dogs": DOGS, "stars": STARS}
PICTURES = DOGS + STARS
