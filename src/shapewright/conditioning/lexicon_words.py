"""Words of the catalogue's languages that are no names in it, by the beginnings that their forms share.

Each table has a row for a language: the words for each of the English ones in order, parted by commas where
there are several. A word of up to three more letters counts as a form of a beginning.
"""

__all__ = ["ADJECTIVES", "GENERAL_NOUNS", "SMALL_WORDS", "UNSPACED"]

COLORS = (
    "black", "white", "grey", "brown", "beige", "red", "orange", "yellow", "green", "blue", "purple", "pink",
)  # fmt: skip
MATERIALS = ("wooden", "metal", "glass", "leather", "stone", "plastic", "wicker")
SHAPES = ("round", "square", "tall", "low")
# Written without spaces between words.
UNSPACED = frozenset(("ja", "zh-CN", "zh-TW"))

_COLORS = {
    "bg": "черен,черн|бял,бел|сив|кафяв|бежов|червен|оранжев|жълт|зелен|син|лилав|розов",
    "cs": "čern|bíl|šed|hněd|béžov|červen|oranžov|žlut|zelen|modr|fialov|růžov",
    "de": "schwarz|weiß,weiss|grau|braun|beige|rot|orange|gelb|grün,gruen|blau|lila,violett|rosa,pink",
    "el": "μαύρ|λευκ,άσπρ|γκρι|καφέ|μπεζ|κόκκιν|πορτοκαλί|κίτριν|πράσιν|μπλε,γαλάζι|μοβ,μωβ|ροζ",
    "es": "negr|blanc|gris|marrón,marron|beige|roj|naranja|amarill|verde|azul|morad,violeta|rosa",
    "fi": "musta|valkoi|harma|ruske|beige|punai|oranssi|keltai|vihre|sini|violet,lila|vaaleanpunai,pinkki",
    "fr": "noir|blanc|gris|brun,marron|beige|rouge|orange|jaune|vert|bleu|violet,mauve|rose",
    "hu": "fekete|fehér|szürke|barna|bézs|piros,vörös|narancs|sárga|zöld|kék|lila|rózsaszín",
    "it": "ner|bianc|grigi|marron|beige|ross|arancion|giall|verd|blu,azzurr|viola|rosa",
    "ja": "黒|白|灰色,グレー|茶色,茶|ベージュ|赤|オレンジ|黄色,黄|緑|青|紫|ピンク",
    "nl": "zwart|wit|grijs,grijz|bruin|beige|rood,rode|oranje|geel,gele|groen|blauw|paars|roze",
    "pl": "czarn|biał|szar|brązow|beżow|czerwon|pomarańczow|żółt|zielon|niebiesk|fioletow|różow",
    "pt": "pret|branc|cinz|marrom,castanh|bege|vermelh|laranja|amarel|verde|azul|rox|rosa",
    "ru": "чёрн,черн|бел|сер|коричнев|бежев|красн|оранжев|жёлт,желт|зелён,зелен|син,голуб|фиолетов|розов",
    "sv": "svart|vit|grå|brun|beige|röd|orange|gul|grön|blå|lila|rosa",
    "tr": "siyah|beyaz|gri|kahverengi|bej|kırmızı|turuncu|sarı|yeşil|mavi|mor|pembe",
    "vi": "đen|trắng|xám|nâu|be|đỏ|cam|vàng|xanh lá,xanh lục|xanh dương,xanh lam,xanh|tím|hồng",
    "zh-CN": "黑|白|灰|棕,褐|米色|红|橙|黄|绿|蓝|紫|粉红,粉",
    "zh-TW": "黑|白|灰|棕,褐|米色|紅|橙|黃|綠|藍|紫|粉紅,粉",
}
_MATERIALS = {
    "bg": "дървен|метал|стъклен|кожен|камен|пластмасов|ратан",
    "cs": "dřevěn|kovov|skleněn|kožen|kamenn|plastov|ratanov",
    "de": "hölzern,holz|metall|gläsern,glas|leder|stein|plastik,kunststoff|rattan",
    "el": "ξύλιν|μεταλλικ|γυάλιν|δερμάτιν|πέτριν|πλαστικ|ψάθιν",
    "es": "madera|metal|vidrio,cristal|cuero,piel|piedra|plástico|mimbre",
    "fi": "puinen|metalli|lasi|nahka|kivi|muovi|rottinki",
    "fr": "bois|métal|verre|cuir|pierre|plastique|rotin,osier",
    "hu": "fából,fa|fém|üveg|bőr|kő|műanyag|rattan",
    "it": "legno|metallo|vetro|pelle,cuoio|pietra|plastica|vimini",
    "ja": "木製,木|金属|ガラス|革|石|プラスチック|籐",
    "nl": "houten,hout|metalen,metaal|glazen,glas|leren,leer|stenen,steen|plastic|rieten",
    "pl": "drewnian|metalow|szklan|skórzan|kamienn|plastikow|wiklinow",
    "pt": "madeira|metal|vidro|couro|pedra|plástico|vime",
    "ru": "деревянн|металлическ|стеклянн|кожан|каменн|пластиков|плетён,плетен",
    "sv": "trä|metall|glas|läder|sten|plast|rotting",
    "tr": "ahşap|metal|cam|deri|taş|plastik|hasır",
    "vi": "gỗ|kim loại|kính,thủy tinh|da|đá|nhựa|mây",
    "zh-CN": "木制,木|金属|玻璃|皮革,皮|石|塑料|藤",
    "zh-TW": "木製,木|金屬|玻璃|皮革,皮|石|塑膠|藤",
}
_SHAPES = {
    "bg": "кръгъл,кръгл|квадрат|висок|нисък,ниск",
    "cs": "kulat|čtvercov|vysok|nízk",
    "de": "rund|quadratisch|hoch,hoh|niedrig",
    "el": "στρογγυλ|τετράγων|ψηλ|χαμηλ",
    "es": "redond|cuadrad|alt|baj",
    "fi": "pyöre|neliö|korke|matal",
    "fr": "rond|carré|haut|bas",
    "hu": "kerek|négyzet|magas|alacsony",
    "it": "rotond,tond|quadrat|alt|bass",
    "ja": "丸い,丸|四角い,四角|高い|低い",
    "nl": "rond|vierkant|hoog,hoge|laag,lage",
    "pl": "okrągł|kwadratow|wysok|nisk",
    "pt": "redond|quadrad|alt|baix",
    "ru": "кругл|квадратн|высок|низк",
    "sv": "rund|kvadratisk,fyrkantig|hög|låg",
    "tr": "yuvarlak|kare|yüksek|alçak",
    "vi": "tròn|vuông|cao|thấp",
    "zh-CN": "圆|方|高|低,矮",
    "zh-TW": "圓|方|高|低,矮",
}
# Things that the catalogue has of many kinds, and names only by these.
NOUNS = ("tree", "car", "woman", "man", "bicycle", "flowers")
_NOUNS = {
    "bg": "дърво|кола,автомобил|жена|мъж|велосипед|цветя",
    "cs": "strom|auto|žena|muž|kolo|květiny",
    "de": "baum|auto|frau|mann|fahrrad|blumen",
    "el": "δέντρο|αυτοκίνητο|γυναίκα|άνδρας|ποδήλατο|λουλούδια",
    "es": "árbol|coche,carro|mujer|hombre|bicicleta|flores",
    "fi": "puu|auto|nainen|mies|polkupyörä|kukat",
    "fr": "arbre|voiture|femme|homme|vélo,bicyclette|fleurs",
    "hu": "fa|autó|nő|férfi|bicikli,kerékpár|virágok",
    "it": "albero|auto,macchina|donna|uomo|bicicletta|fiori",
    "ja": "木|車,自動車|女性|男性|自転車|花",
    "nl": "boom|auto|vrouw|man|fiets|bloemen",
    "pl": "drzewo|samochód|kobieta|mężczyzna|rower|kwiaty",
    "pt": "árvore|carro|mulher|homem|bicicleta|flores",
    "ru": "дерево|машина,автомобиль|женщина|мужчина|велосипед|цветы",
    "sv": "träd|bil|kvinna|man|cykel|blommor",
    "tr": "ağaç|araba|kadın|adam|bisiklet|çiçekler",
    "vi": "cây|xe hơi,ô tô|phụ nữ|đàn ông|xe đạp|hoa",
    "zh-CN": "树|汽车,车|女人|男人|自行车|花",
    "zh-TW": "樹|汽車,車|女人|男人|自行車|花",
}
# Articles, prepositions and what else says nothing to the model.
SMALL_WORDS = {
    "bg": "един една едно от с",
    "cs": "jeden jedna jedno z ze s",
    "de": "ein eine einer einen eines der die das aus mit",
    "el": "ένας μία μια ένα ο η το από με",
    "es": "un una el la los las de en con",
    "fi": "yksi",
    "fr": "un une le la les de du des en d l avec",
    "hu": "egy a az",
    "it": "un uno una il lo la di in con",
    "ja": "の い 色 な 製",
    "nl": "een de het van met",
    "pl": "jeden jedna jedno z ze",
    "pt": "um uma o a de em com do da",
    "ru": "один одна одно из с",
    "sv": "en ett den det av i med",
    "tr": "bir",
    "vi": "một cái chiếc màu bằng con cây",
    "zh-CN": "的 色 一 张 把 个 只 辆 棵 制",
    "zh-TW": "的 色 一 張 把 個 隻 輛 棵 製",
}


def _by_beginning(
    tables: list[tuple[tuple[str, ...], dict[str, str]]],
) -> dict[str, dict[str, tuple[str, int]]]:
    """Per language: beginning to (English word, which kind of adjective it is)."""
    found: dict[str, dict[str, tuple[str, int]]] = {}
    for kind, (english, table) in enumerate(tables):
        for language, row in table.items():
            for word, beginnings in zip(english, row.split("|"), strict=True):
                for beginning in beginnings.split(","):
                    found.setdefault(language, {}).setdefault(beginning, (word, kind))
    return found


# In the order in which they stand before an English noun: shape, colour, material.
ADJECTIVES = _by_beginning([(SHAPES, _SHAPES), (COLORS, _COLORS), (MATERIALS, _MATERIALS)])
GENERAL_NOUNS = {
    language: {
        name: noun for noun, names in zip(NOUNS, row.split("|"), strict=True) for name in names.split(",")
    }
    for language, row in _NOUNS.items()
}
