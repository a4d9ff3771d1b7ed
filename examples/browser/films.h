/* films.h - films that do not exist: title, what they are most, what they are besides. */
#ifndef FILMS_H
#define FILMS_H

enum kind { ADVENTURE, SPACE, CRIME, ROMANCE, COMEDY, FAMILY, KINDS };

struct film {
    const char *title;
    enum kind most, besides;
};

static const struct film films[] = {
    {"The Cartographer's Last Storm", ADVENTURE, ROMANCE},
    {"Salt Road North", ADVENTURE, CRIME},
    {"Seven Ropes to Karakum", ADVENTURE, COMEDY},
    {"The Glass Caravan", ADVENTURE, FAMILY},
    {"Under the Basalt Gate", ADVENTURE, SPACE},
    {"A Compass for Thieves", ADVENTURE, CRIME},
    {"River of Copper Birds", ADVENTURE, FAMILY},
    {"The Monsoon Wager", ADVENTURE, COMEDY},
    {"Ninety Days on Thin Ice", ADVENTURE, ROMANCE},
    {"Quarry Hill Riders", ADVENTURE, CRIME},
    {"Perihelion Nine", SPACE, ADVENTURE},
    {"The Quiet Moons of Ostra", SPACE, ROMANCE},
    {"Signal from the Ninth Dark", SPACE, CRIME},
    {"Gravity Owes Me Money", SPACE, COMEDY},
    {"The Orbital Gardener", SPACE, FAMILY},
    {"Cold Start Colony", SPACE, ADVENTURE},
    {"Tomorrow's Lighthouse", SPACE, ROMANCE},
    {"Zero Bus to Triton", SPACE, COMEDY},
    {"The Android's Alibi", SPACE, CRIME},
    {"Helium Children", SPACE, FAMILY},
    {"The Ledger in Flat Six", CRIME, ROMANCE},
    {"Nobody Leaves Harrow Pier", CRIME, ADVENTURE},
    {"An Honest Forgery", CRIME, COMEDY},
    {"The Rain Did Not Testify", CRIME, ROMANCE},
    {"Midnight at Customs", CRIME, ADVENTURE},
    {"Eleven Locks", CRIME, COMEDY},
    {"The Locksmith's Widow", CRIME, ROMANCE},
    {"Dead Letters, Live Wires", CRIME, SPACE},
    {"A Small Town Alibi", CRIME, COMEDY},
    {"The Ferryman Knew", CRIME, ADVENTURE},
    {"Letters to Platform Two", ROMANCE, COMEDY},
    {"The Winter We Kept", ROMANCE, FAMILY},
    {"Marmalade in Lisbon", ROMANCE, COMEDY},
    {"Two Umbrellas", ROMANCE, COMEDY},
    {"An Orchard for Ines", ROMANCE, FAMILY},
    {"The Pianist's Neighbour", ROMANCE, CRIME},
    {"After the Last Tram", ROMANCE, CRIME},
    {"Half a Promise", ROMANCE, COMEDY},
    {"The Island Post Office", ROMANCE, ADVENTURE},
    {"Slow Light", ROMANCE, SPACE},
    {"My Landlord Is a Goose", COMEDY, FAMILY},
    {"The Intern Who Ran Belgium", COMEDY, CRIME},
    {"Wedding of the Wrong Twins", COMEDY, ROMANCE},
    {"Please Hold for Disaster", COMEDY, ADVENTURE},
    {"Three Bakers, One Oven", COMEDY, FAMILY},
    {"The Accidental Ambassador", COMEDY, CRIME},
    {"Gym of Broken Dreams", COMEDY, ROMANCE},
    {"Grandma Rents a Tank", COMEDY, ADVENTURE},
    {"The Committee for Fun", COMEDY, FAMILY},
    {"Alien at the Job Center", COMEDY, SPACE},
    {"Pim and the Paper Whale", FAMILY, ADVENTURE},
    {"The Hedgehog Parliament", FAMILY, COMEDY},
    {"Lina's Borrowed Dragon", FAMILY, ADVENTURE},
    {"A Teapot Called Admiral", FAMILY, COMEDY},
    {"The Moon in the Attic", FAMILY, SPACE},
    {"Bramble and Boots", FAMILY, COMEDY},
    {"The Last Snow Fox", FAMILY, ADVENTURE},
    {"School for Small Clouds", FAMILY, COMEDY},
    {"Captain Button Sails Twice", FAMILY, ADVENTURE},
    {"The Robot Who Knitted", FAMILY, SPACE},
};

enum { FILMS = sizeof films / sizeof *films };

#endif
