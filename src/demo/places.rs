//! Who sells, and from where.

/// A shop: its name, its city, the categories it sells (as they are numbered in `goods`), how dear it is in
/// hundredths, and its warehouses: name, address, priority.
pub(super) struct Place {
    pub(super) name: &'static str,
    pub(super) city: &'static str,
    pub(super) sells: [usize; 5],
    pub(super) dear: u64,
    pub(super) warehouses: &'static [(&'static str, &'static str, i64)],
}

/// The shops. Each category is sold by five of them.
pub(super) const SHOPS: [Place; 10] = [
    Place {
        name: "Toko Gayo Lestari",
        city: "Takengon",
        sells: [0, 1, 2, 6, 7],
        dear: 94,
        warehouses: &[
            ("Gudang Lut Tawar", "Jl. Lebe Kader 12, Takengon, Aceh Tengah 24552", 10),
            ("Gudang Banda Aceh", "Jl. T. Nyak Arief 88, Banda Aceh 23115", 20),
        ],
    },
    Place {
        name: "Nusantara Mart",
        city: "Jakarta",
        sells: [0, 1, 6, 7, 8],
        dear: 108,
        warehouses: &[
            ("Gudang Cakung", "Jl. Raya Bekasi KM 22, Cakung, Jakarta Timur 13910", 10),
            ("Gudang Daan Mogot", "Jl. Daan Mogot KM 18, Kalideres, Jakarta Barat 11840", 20),
            ("Gudang Cikarang", "Kawasan Industri Jababeka V Blok B/14, Cikarang 17530", 30),
        ],
    },
    Place {
        name: "Batik Sekar Jagad",
        city: "Yogyakarta",
        sells: [3, 4, 5, 8, 9],
        dear: 100,
        warehouses: &[
            ("Gudang Prawirotaman", "Jl. Prawirotaman 31, Yogyakarta 55153", 10),
            ("Gudang Bantul", "Jl. Parangtritis KM 9, Bantul 55188", 20),
        ],
    },
    Place {
        name: "Griya Batik Laweyan",
        city: "Surakarta",
        sells: [3, 4, 5, 1, 2],
        dear: 97,
        warehouses: &[
            ("Gudang Laweyan", "Jl. Dr. Rajiman 521, Laweyan, Surakarta 57148", 10),
            ("Gudang Kartasura", "Jl. Adi Sucipto 99, Kartasura, Sukoharjo 57161", 20),
        ],
    },
    Place {
        name: "Rumah Rempah Maluku",
        city: "Ambon",
        sells: [2, 7, 0, 9, 6],
        dear: 92,
        warehouses: &[
            ("Gudang Batu Merah", "Jl. Sultan Hasanuddin 45, Ambon 97128", 10),
            ("Gudang Surabaya", "Jl. Rungkut Industri II/17, Surabaya 60293", 20),
        ],
    },
    Place {
        name: "Pasar Parahyangan",
        city: "Bandung",
        sells: [1, 6, 7, 4, 8],
        dear: 102,
        warehouses: &[
            ("Gudang Gedebage", "Jl. Soekarno-Hatta 712, Gedebage, Bandung 40294", 10),
            ("Gudang Cimahi", "Jl. Industri 5, Cimahi 40532", 20),
        ],
    },
    Place {
        name: "Galeri Ubud",
        city: "Gianyar",
        sells: [5, 8, 9, 4, 3],
        dear: 115,
        warehouses: &[
            ("Gudang Mas", "Jl. Raya Mas 77, Ubud, Gianyar 80571", 10),
            ("Gudang Denpasar", "Jl. Gatot Subroto Barat 210, Denpasar 80118", 20),
        ],
    },
    Place {
        name: "Toraja Coffee & Craft",
        city: "Makassar",
        sells: [0, 5, 9, 2, 3],
        dear: 99,
        warehouses: &[
            ("Gudang Panakkukang", "Jl. Boulevard 22, Makassar 90231", 10),
            ("Gudang Rantepao", "Jl. Pahlawan 8, Rantepao, Toraja Utara 91831", 20),
        ],
    },
    Place {
        name: "Kriya Lombok",
        city: "Mataram",
        sells: [4, 5, 8, 9, 7],
        dear: 95,
        warehouses: &[("Gudang Sekarbela", "Jl. Gajah Mada 14, Mataram 83116", 10)],
    },
    Place {
        name: "Deli Heritage",
        city: "Medan",
        sells: [0, 1, 2, 3, 6],
        dear: 104,
        warehouses: &[
            ("Gudang Medan Merdeka", "Jl. Brigjen Katamso 301, Medan 20159", 10),
            ("Gudang Belawan", "Jl. Pelabuhan Raya 6, Belawan 20411", 20),
        ],
    },
];
